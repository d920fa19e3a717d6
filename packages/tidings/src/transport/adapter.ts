import type { Host } from '../store/adapter.ts'
import type { Transport } from './transport.ts'

/** A transport that is described but not yet connected. The bus opens it and closes what it opened. */
export interface TransportAdapter {
  readonly name: string
  /** Connects and checks what the server promises. Rejects with a coded error that says what to do. */
  open(host: Host): Promise<Transport>
}

import type { Instance } from './instance.ts'
import type { ServerKind } from './kinds/kind.ts'

/** What can be done to a server, whatever it runs in. The instance's file is written by whoever calls. */
export interface Launcher {
  /** Starts what is not running and returns at once; `onStart` is told to write the instance down. */
  start(kind: ServerKind, instance: Instance, onStart: () => void): Promise<void>
  isRunning(instance: Instance): Promise<boolean>
  /** As the power cord does it. Returns when it is gone. Data stay. */
  kill(instance: Instance): Promise<void>
  /** Asks for an orderly end, and kills what does not comply in time. Data stay. */
  shutdown(kind: ServerKind, instance: Instance): Promise<void>
  /** Stops it in the middle of what it does: connections stay open and nothing answers. */
  pause(instance: Instance): Promise<void>
  resume(instance: Instance): Promise<void>
  /** Kills it and removes its data. */
  remove(instance: Instance): Promise<void>
}

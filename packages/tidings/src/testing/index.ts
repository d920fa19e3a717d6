export { virtualRuntime } from '../kernel/virtual-runtime.ts'

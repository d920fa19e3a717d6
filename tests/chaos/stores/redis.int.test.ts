import { describeStoreChaos } from './store-chaos.ts'

await describeStoreChaos('redis')

import { describeBrokerChaos } from './broker-chaos.ts'

await describeBrokerChaos('nats', 'redis')

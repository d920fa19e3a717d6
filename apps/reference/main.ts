import { startUp } from '@tidings/service'

import { firstRequest, platformConfig, runPlatform } from './platform.ts'

await startUp(async () => {
  const { address, host } = await runPlatform(platformConfig(process.env))
  const services = [...host.buses.keys()].join(', ')
  console.log(`Tidings runs ${services} on ${host.store.capabilities.name}, at ${address}`)
  console.log(`  look  ${address}/  and  /mails  /audit  /openapi.json  /metrics  /health/ready`)
  console.log(`  try   ${firstRequest(address)}`)
})

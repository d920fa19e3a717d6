import { startUp } from '@tidings/service'

import { firstRequest, platformConfig, runPlatform } from './platform.ts'
import { runSplit } from './split.ts'

await startUp(async () => {
  const config = platformConfig(process.env)
  await (process.argv.includes('--split') ? split() : together())

  async function together(): Promise<void> {
    const { address, host } = await runPlatform(config)
    const services = [...host.buses.keys()].join(', ')
    console.log(`Tidings runs ${services} on ${host.store.capabilities.name}, at ${address}`)
    console.log(`  look  ${address}/  and  /mails  /audit  /openapi.json  /metrics  /health/ready`)
    console.log(`  try   ${firstRequest(address)}`)
  }

  async function split(): Promise<void> {
    const { addresses, close, ended } = await runSplit(config, process.env)
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void close())
    for (const [name, address] of Object.entries(addresses)) console.log(`Tidings runs ${name} at ${address}`)
    console.log(`  look  ${addresses.audit}/audit  ${addresses.notifications}/notifications  and each /health/ready`)
    console.log(`  try   ${firstRequest(addresses.auth)}`)
    process.exitCode = await ended
  }
})

import { startUp } from '@tidings/service'

import { firstRequest, platformConfig, runPlatform } from './platform.ts'
import { runSplit } from './split.ts'

/** Somebody wants this process to end. */
class Asked extends Error {
  override readonly name = 'Asked'
}

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
    // Before anything is started: the services are told by this process alone.
    const asked = new AbortController()
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => asked.abort(new Asked(signal)))
    const platform = await runSplit(config, process.env, asked.signal).catch((error: unknown) => {
      if (error instanceof Asked) return undefined
      throw error
    })
    if (platform === undefined) return
    const { addresses, ended } = platform
    for (const [name, address] of Object.entries(addresses)) console.log(`Tidings runs ${name} at ${address}`)
    console.log(`  look  ${addresses.audit}/audit  ${addresses.notifications}/notifications  and each /health/ready`)
    console.log(`  try   ${firstRequest(addresses.auth)}`)
    process.exitCode = await ended
  }
})

import { baseConfig, runServices, serviceConfig, startUp } from '@tidings/service'

import { audit } from './service.ts'

await startUp(async () => {
  const { address } = await runServices([audit], {
    config: serviceConfig(baseConfig, process.env, { beside: 'sqlite:./audit.db' }),
  })
  console.log(`audit answers at ${address}/audit; its routes are described at ${address}/openapi.json`)
})

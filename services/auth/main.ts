import { baseConfig, runServices, serviceConfig, startUp } from '@tidings/service'

import { auth } from './service.ts'

await startUp(async () => {
  const { address } = await runServices([auth], {
    config: serviceConfig(baseConfig, process.env, { beside: 'sqlite:./auth.db' }),
  })
  console.log(`auth answers at ${address}/auth; its routes are described at ${address}/openapi.json`)
})

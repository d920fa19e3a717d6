import { baseConfig, runServices, serviceConfig, startUp } from '@tidings/service'

import { authConfig, authOptionsOf } from './auth-config.ts'
import { authWith } from './service.ts'

await startUp(async () => {
  const config = serviceConfig({ ...baseConfig, ...authConfig }, process.env, { beside: 'sqlite:./auth.db' })
  const { address } = await runServices([authWith(authOptionsOf(config, `http://${config.HOST}:${config.PORT}`))], {
    config,
  })
  console.log(`auth answers at ${address}/auth; its routes are described at ${address}/openapi.json`)
})

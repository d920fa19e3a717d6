import { baseConfig, runServices, serviceConfig, startUp } from '@tidings/service'

import { users } from './service.ts'

await startUp(async () => {
  const { address } = await runServices([users], {
    config: serviceConfig(baseConfig, process.env, { beside: 'sqlite:./users.db' }),
  })
  console.log(`users answers at ${address}/users; its routes are described at ${address}/openapi.json`)
})

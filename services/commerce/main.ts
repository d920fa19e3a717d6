import { baseConfig, runServices, serviceConfig, startUp } from '@tidings/service'

import { commerce } from './service.ts'

await startUp(async () => {
  const { address } = await runServices([commerce], {
    config: serviceConfig(baseConfig, process.env, { beside: 'sqlite:./commerce.db' }),
  })
  console.log(`commerce answers at ${address}/commerce/products; its routes are described at ${address}/openapi.json`)
})

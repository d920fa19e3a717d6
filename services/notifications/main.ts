import { baseConfig, runServices, serviceConfig, startUp } from '@tidings/service'

import { mailConfig, smtpUrl } from './mail-config.ts'
import { notifications } from './service.ts'

await startUp(async () => {
  const config = serviceConfig({ ...baseConfig, ...mailConfig, SMTP_URL: smtpUrl }, process.env, {
    beside: 'sqlite:./notifications.db',
  })
  const { address } = await runServices([notifications({ url: config.SMTP_URL, from: config.MAIL_FROM })], { config })
  console.log(`notifications answers at ${address}/notifications; its routes are described at ${address}/openapi.json`)
})

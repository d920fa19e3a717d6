/** Removes what buses have made in a place at a broker. */
export async function clearPlace(server: string, url: string, place: string, groups: readonly string[]): Promise<void> {
  await clearers[server]?.(url, place, groups)
}

type Clear = (url: string, place: string, groups: readonly string[]) => Promise<void>

const clearers: Readonly<Record<string, Clear>> = {
  async kafka(url, place) {
    const { Admin } = await import('@platformatic/kafka')
    const admin = new Admin({ clientId: 'bench', bootstrapBrokers: [url.replace(/^kafka:\/\//, '')] })
    const topics = (await admin.listTopics({})).filter((name) => name.startsWith(place))
    if (topics.length > 0) await admin.deleteTopics({ topics })
    await admin.close()
  },
  async nats(url, place) {
    const [{ jetstreamManager }, { connect }] = await Promise.all([
      import('@nats-io/jetstream'),
      import('@nats-io/transport-node'),
    ])
    const connection = await connect({ servers: [new URL(url).host] })
    const manager = await jetstreamManager(connection)
    for (const name of [place, `KV_${place}_groups`]) await manager.streams.delete(name)
    await connection.close()
  },
  async rabbitmq(url, place, groups) {
    const { Connection } = await import('rabbitmq-client')
    const connection = new Connection({ url, noDelay: true })
    const channel = await connection.acquire()
    const names = groups.map((group) => `${place}.${group}`)
    const queues = names.flatMap((name) => [0, 1, 2, 3].map((at) => `${name}.${at}`).concat(`${name}.dead`))
    for (const queue of [...queues, `${place}.partitions`]) await channel.queueDelete({ queue })
    for (const exchange of [
      ...names.flatMap((name) => [`${name}.topics`, `${name}.topics.next`]),
      `${place}.events`,
      `${place}.groups`,
    ])
      await channel.exchangeDelete({ exchange })
    await channel.close()
    await connection.close()
  },
  async redis(url, place) {
    const { createClient } = await import('@redis/client')
    const client = createClient({ url })
    await client.connect()
    const keys = await client.keys(`{${place}.}*`)
    if (keys.length > 0) await client.unlink(keys)
    client.destroy()
  },
}

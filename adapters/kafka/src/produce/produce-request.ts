import type { Connection } from '@platformatic/kafka'

import type { Client } from '../client/load-client.ts'

/** The batch of one partition on its way. */
export interface Part {
  readonly topic: string
  readonly partition: number
  readonly bytes: Buffer
}

/** What the broker says of it. */
export interface PartAnswer {
  readonly error: number
  readonly message: string | null
}

const produce = 0
const all = -1

/**
 * Sends one batch to each of some partitions that a broker leads, and waits until all copies in sync have them, for `timeout` milliseconds
 * at most. Answers each in its place; rejects where no answer came, and then nobody knows.
 */
export function sendProduce(
  client: Client,
  connection: Connection,
  version: number,
  parts: readonly Part[],
  timeout: number,
): Promise<readonly PartAnswer[]> {
  const topics = [...Map.groupBy(parts, ({ topic }) => topic)]
  // The client's own request would encode each record anew, at several times the cost.
  const request = (): InstanceType<Client['Writer']> =>
    client.Writer.create()
      .appendString(null)
      .appendInt16(all)
      .appendInt32(timeout)
      .appendArray(topics, (writer, [topic, own]) => {
        writer.appendString(topic).appendArray(own, (inner, { partition, bytes }) => {
          inner
            .appendInt32(partition)
            .appendUnsignedVarInt(bytes.length + 1)
            .append(bytes)
        })
      })
      .appendTaggedFields()
  const { parseResponse } = client.produceV11
  return new Promise((resolve, reject) => {
    connection.send(
      produce,
      version,
      request,
      version >= 10 ? parseResponse : client.produceV9.parseResponse,
      true,
      true,
      (error, answer) => {
        const response = answer ?? (error as { response?: typeof answer } | null)?.response
        if (response === undefined) {
          reject(error ?? new Error('The broker gives no answer.'))
          return
        }
        const answers = new Map<string, PartAnswer>()
        for (const { name, partitionResponses } of response.responses) {
          for (const { index, errorCode, errorMessage } of partitionResponses)
            answers.set(`${name}/${index}`, { error: errorCode, message: errorMessage ?? null })
        }
        resolve(
          parts.map(({ topic, partition }) => answers.get(`${topic}/${partition}`) ?? { error: -1, message: null }),
        )
      },
    )
  })
}

import { hash } from 'node:crypto'

/** Longer tokens are cut: a whole subject must fit into one line of the protocol, which the server limits to 4,096 bytes. */
const longest = 200

/**
 * Any text as one token of a subject, and as a part of a key of a bucket: letters, digits, `_` and `-` as they are, every other byte of
 * its UTF-8 as `=XX`. Equal for equal texts and no others: where it is cut, the hash of the whole follows after `==`.
 */
export function tokenOf(text: string): string {
  if (/^[A-Za-z0-9_-]{1,200}$/.test(text)) return text
  const token = Buffer.from(text)
    .toString('latin1')
    .replace(/[^A-Za-z0-9_-]/g, (byte) => `=${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
  if (token.length <= longest && token !== '') return token
  return `${token.slice(0, 100)}==${hash('sha256', text, 'base64url')}`
}

/** The text of a token, as far as it was not cut. */
export function textOf(token: string): string {
  const bytes = token
    .replace(/==.*$/, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}

/** Where an event of a topic and a partition stands. */
export function subjectOf(prefix: string, topic: string, partition: number): string {
  return `${prefix}.${tokenOf(topic)}.${partition}`
}

/**
 * All that a stream takes: any topic of each partition. A subject with a partition that does not exist is nobody's, so that who publishes
 * to it is told, instead of being stored and never heard.
 */
export function streamSubjects(prefix: string, partitions: number): string[] {
  return Array.from({ length: partitions }, (_, partition) => `${prefix}.*.${partition}`)
}

/** What a consumer of one partition asks for. */
export function filtersOf(prefix: string, topics: readonly string[] | undefined, partition: number): string[] {
  if (topics === undefined) return [`${prefix}.*.${partition}`]
  return [...new Set(topics)].map((topic) => subjectOf(prefix, topic, partition))
}

import type { EventView } from 'tidings'
import type { StoredEvent } from 'tidings/spi'

import { safeJson } from './safe-text.ts'
import { cyan, dim, line, magenta, red, type Text, yellow } from './text.ts'

/** One event as one line of a terminal: time, type, key, correlation, and as much of its masked data as fits. */
export function eventLine(
  stored: StoredEvent,
  view: EventView,
  options: { readonly width: number; readonly date: boolean },
): Text {
  const { record } = stored
  const at = timeOf(record.time)
  const when = dim(options.date ? at.replace('T', ' ') : at.slice(11))
  const tenant = record.tenant === '' ? line`` : line`${magenta(record.tenant)}/`
  const correlation = record.correlation === '' ? line`-` : dim(shortId(record.correlation))
  const data =
    view.event === undefined ? red(`(${view.unreadable?.code ?? 'unreadable'})`) : line`${short(view.event.data)}`
  return line`${when} ${typeText(record.type, record.priority)} ${tenant}${record.key} ${correlation} ${data}`.cut(
    options.width,
  )
}

/** RFC 3339 in UTC, or the number itself where it is beyond what dates can say. */
export function timeOf(milliseconds: number): string {
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : String(milliseconds)
}

/** Ids that carry time begin alike, so their ends tell them apart. */
export function shortId(id: string): string {
  return id.length <= 13 ? id : `…${id.slice(-12)}`
}

/** How long ago, in the largest unit that fits. */
export function ago(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`
}

function typeText(type: string, priority: number): Text {
  return priority < 2 ? yellow(type) : cyan(type)
}

/** Most characters of data that are worth turning into text for one line. */
const longest = 2_000

function short(data: unknown): string {
  return data === undefined ? '' : safeJson(JSON.stringify(data)).slice(0, longest)
}

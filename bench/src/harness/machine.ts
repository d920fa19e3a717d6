import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'

import { quantile } from './statistics.ts'

/** What figures depend on. Nothing here tells whose machine it is. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly system: string
  readonly node: string
  readonly v8: string
  readonly sqlite: string
  readonly filesystem: string
  /** Of 500 writes of 4 KiB with fdatasync, in milliseconds. */
  readonly fsync: { readonly p50: number; readonly p99: number }
  /** Over the minute before the run. Far above zero, something else was busy. */
  readonly load: number
}

export function describeMachine(folder: string): Machine {
  const all = cpus()
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    sqlite: process.versions.sqlite ?? 'unknown',
    filesystem: filesystemOf(folder),
    fsync: measureFsync(folder),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  }
}

const filesystems: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs (memory: a flush costs nothing)',
  0x794c7630: 'overlayfs',
  0x2fc12fc1: 'zfs',
}

function filesystemOf(folder: string): string {
  const { type } = statfsSync(folder)
  return filesystems[type] ?? `type 0x${type.toString(16)}`
}

function measureFsync(folder: string): Machine['fsync'] {
  const place = mkdtempSync(join(folder, 'fsync-'))
  const file = openSync(join(place, 'probe'), 'w')
  try {
    const page = Buffer.alloc(4_096, 1)
    const waits = Array.from({ length: 500 }, () => {
      const began = performance.now()
      writeSync(file, page)
      fdatasyncSync(file)
      return performance.now() - began
    })
    return { p50: round(quantile(waits, 0.5)), p99: round(quantile(waits, 0.99)) }
  } finally {
    closeSync(file)
    rmSync(place, { recursive: true })
  }
}

/** Largest resident memory this process has had so far, in MB. */
export function peakRssMb(): number {
  // What `resourceUsage` says begins with the memory of the parent from which the process was forked.
  if (platform() !== 'linux') return process.resourceUsage().maxRSS / 1_024
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return Number(line?.[1]) / 1_024
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}

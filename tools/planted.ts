import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Check } from './report.ts'

/** Runs a check over a small project made of these files. Objects are written as JSON. */
export async function problemsOf(check: Check, files: Record<string, string | object>): Promise<string[]> {
  const root = plant(files)
  return (await check.run(root)).problems
}

/** Writes the files into a fresh folder, which is gone when the test is over. */
export function plant(files: Record<string, string | object>): string {
  const root = mkdtempSync(join(tmpdir(), 'tidings-planted-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(root, dirname(file)), { recursive: true })
    writeFileSync(join(root, file), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return root
}

import { describe, expect, it } from 'vitest'
import { ProgramError } from '../run-program.ts'
import { InstallError, installStep, isOffline } from './install-error.ts'

const withoutNetwork = [
  `E: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.debian.org'`,
  'go: github.com/nats-io/nats-server/v2@v2.15.2: Get "https://proxy.golang.org/x": dial tcp: lookup proxy.golang.org: no such host',
  'dial tcp 10.0.0.1:443: connect: network is unreachable',
  `WARNING: Retrying after connection broken by 'NewConnectionError: Failed to establish a new connection: [Errno -3]'`,
  '[ERROR] Could not transfer artifact x from/to central: repo.maven.apache.org: Temporary failure in name resolution',
  'Caused by: java.net.UnknownHostException: repo.maven.apache.org',
]
const otherwise = [
  'E: Unable to locate package redis-server',
  'go: module github.com/x: no matching versions for query "v9"',
  'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.',
  'E: You have held broken packages.',
]

describe('an installation that fails', () => {
  it.each(withoutNetwork)('for want of a network says so: %s', async (output) => {
    expect(isOffline(output)).toBe(true)
    const step = installStep('Redis', 'apt-get', () => Promise.reject(new ProgramError('apt-get failed', output)))
    const error = await step.catch((one: unknown) => one)
    expect(error).toBeInstanceOf(InstallError)
    expect(error).toMatchObject({ offline: true })
    expect((error as Error).message).toContain(
      'Redis could not be downloaded: this machine reaches no network (apt-get: ',
    )
  })

  it.each(otherwise)('for another reason tells that: %s', async (output) => {
    const step = installStep('Redis', 'apt-get', () =>
      Promise.reject(new ProgramError('apt-get failed', `Reading lists\n${output}\n`)),
    )
    await expect(step).rejects.toMatchObject({
      offline: false,
      message: `Redis could not be installed (apt-get: ${output})`,
    })
  })

  it('is not told twice', async () => {
    const first = new InstallError('only root may install redis-server by apt-get')
    await expect(installStep('Redis', 'apt-get', () => Promise.reject(first))).rejects.toBe(first)
  })
})

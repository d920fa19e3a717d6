export interface Profile {
  readonly userId: string
  readonly username: string
  /** What others read; its owner may change it later. */
  readonly displayName: string
}

/** The profile that somebody begins with: `ada.lovelace` is shown as Ada Lovelace. */
export function firstProfile({ userId, username }: { readonly userId: string; readonly username: string }): Profile {
  const words = username.split(/[._-]+/).filter((word) => word !== '')
  const displayName = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ')
  return { userId, username, displayName: displayName === '' ? username : displayName }
}

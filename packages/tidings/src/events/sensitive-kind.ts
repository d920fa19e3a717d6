/** What a field probably holds. */
export type SensitiveKind =
  | 'address'
  | 'birthdate'
  | 'card'
  | 'email'
  | 'iban'
  | 'identity'
  | 'name'
  | 'network'
  | 'phone'
  | 'secret'

/** Longest text that is looked at, in UTF-16 units. */
export const longestText = 4_000

/** The kind of a field by its name and value; undefined where neither says anything. */
export function sensitiveKind(name: string | undefined, value: unknown): SensitiveKind | undefined {
  const byName = name === undefined ? undefined : kindOfName(name)
  if (byName !== undefined && value !== null && value !== undefined && value !== '' && typeof value !== 'boolean')
    return byName
  return typeof value === 'string' ? kindOfText(value) : typeof value === 'number' ? kindOfNumber(value) : undefined
}

/** Words in names, split at capitals, digits and signs, so that `accountPIN` holds `pin` and `shipping` does not. */
const words: ReadonlyMap<string, SensitiveKind> = new Map<string, SensitiveKind>(
  Object.entries({
    password: 'secret',
    passwd: 'secret',
    passphrase: 'secret',
    passcode: 'secret',
    pwd: 'secret',
    secret: 'secret',
    token: 'secret',
    jwt: 'secret',
    authorization: 'secret',
    credential: 'secret',
    cookie: 'secret',
    otp: 'secret',
    totp: 'secret',
    pin: 'secret',
    cvv: 'secret',
    cvc: 'secret',
    email: 'email',
    mail: 'email',
    phone: 'phone',
    telephone: 'phone',
    mobile: 'phone',
    msisdn: 'phone',
    fax: 'phone',
    iban: 'iban',
    ssn: 'identity',
    passport: 'identity',
    birthday: 'birthdate',
    birthdate: 'birthdate',
    dob: 'birthdate',
    surname: 'name',
    street: 'address',
    postcode: 'address',
    zipcode: 'address',
    zip: 'address',
    address: 'address',
    ip: 'network',
  } as const),
)

/** Words that say something only together, joined. */
const phrases: readonly (readonly [string, SensitiveKind])[] = [
  ['apikey', 'secret'],
  ['privatekey', 'secret'],
  ['accesskey', 'secret'],
  ['secretkey', 'secret'],
  ['signingkey', 'secret'],
  ['encryptionkey', 'secret'],
  ['securitycode', 'secret'],
  ['creditcard', 'card'],
  ['debitcard', 'card'],
  ['cardnumber', 'card'],
  ['emailaddress', 'email'],
  ['phonenumber', 'phone'],
  ['accountnumber', 'iban'],
  ['firstname', 'name'],
  ['lastname', 'name'],
  ['fullname', 'name'],
  ['familyname', 'name'],
  ['givenname', 'name'],
  ['maidenname', 'name'],
  ['dateofbirth', 'birthdate'],
  ['birthdate', 'birthdate'],
  ['socialsecurity', 'identity'],
  ['nationalid', 'identity'],
  ['taxid', 'identity'],
  ['driverlicense', 'identity'],
  ['driverslicense', 'identity'],
  ['streetaddress', 'address'],
  ['homeaddress', 'address'],
  ['postaladdress', 'address'],
  ['billingaddress', 'address'],
  ['shippingaddress', 'address'],
  ['postalcode', 'address'],
  ['ipaddress', 'network'],
  ['remoteaddress', 'network'],
  ['macaddress', 'network'],
]

/** Names that hold a word above and yet no secret, such as counts and times: `tokenCount`, `passwordChangedAt`, `emailVerified`. */
const harmlessEnd =
  /^(?:count|counts|at|on|length|type|kind|status|state|verified|enabled|required|expiry|expires|expired|attempts|policy|version|strength|id|ids|template|templates|preference|preferences)$/

const remembered = new Map<string, SensitiveKind | null>()

function kindOfName(name: string): SensitiveKind | undefined {
  // Field names are few and come again and again.
  let kind = remembered.get(name)
  if (kind === undefined) {
    kind = judge(name) ?? null
    if (remembered.size < 5_000 && name.length <= 80) remembered.set(name, kind)
  }
  return kind ?? undefined
}

function judge(name: string): SensitiveKind | undefined {
  const parts = name
    .slice(0, 80)
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((part) => part !== '')
  const last = parts.at(-1) ?? ''
  const joined = parts.join('')
  const ending = phrases.find(([phrase]) => joined.endsWith(phrase))
  if (ending !== undefined) return ending[1]
  if (last === 'id' && wordKind(parts.at(-2) ?? '') === 'identity') return 'identity'
  if (parts.length > 1 && harmlessEnd.test(last)) return undefined
  return (
    phrases.find(([phrase]) => joined.includes(phrase))?.[1] ?? parts.map(wordKind).find((kind) => kind !== undefined)
  )
}

function wordKind(word: string): SensitiveKind | undefined {
  return words.get(word) ?? words.get(word.replace(/e?s$/, ''))
}

// Every repetition is bounded, so each of these is linear in the text.
const email = /[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}/
const bearer = /\b(?:Bearer|Basic) [A-Za-z0-9._~+/=-]{16}/
// Not in the middle of a word either: hostile text could begin hundreds of them within each other.
const jwt = /(?<![\w-])eyJ[\w-]{8,500}\.[\w-]{8}/
const pem = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/
const knownSecret =
  /\b(?:AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20}|xox[abprs]-[A-Za-z0-9-]{10}|sk_(?:live|test)_[A-Za-z0-9]{10}|whsec_[A-Za-z0-9+/=]{20})/
const cardLike = /(?<![\w-])(?:\d[ -]?){12,18}\d(?![\w-])/g
const ibanLike = /(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)/g
const phone = /^\s{0,3}\+\d(?:[ ()./-]{0,2}\d){6,14}\s{0,3}$/

function kindOfText(value: string): SensitiveKind | undefined {
  const text = value.length > longestText ? value.slice(0, longestText) : value
  if (text.includes('@') && email.test(text)) return 'email'
  if (text.length >= 16 && (jwt.test(text) || bearer.test(text) || pem.test(text) || knownSecret.test(text)))
    return 'secret'
  if (text.length >= 13) {
    for (const [digits] of text.matchAll(cardLike)) if (isCard(digits.replace(/[ -]/g, ''))) return 'card'
    for (const [iban] of text.matchAll(ibanLike)) if (isIban(iban.replaceAll(' ', ''))) return 'iban'
  }
  return phone.test(text) ? 'phone' : undefined
}

function kindOfNumber(value: number): SensitiveKind | undefined {
  return Number.isSafeInteger(value) && value >= 1e14 && isCard(String(value)) ? 'card' : undefined
}

/** Prefixes and lengths in use by card networks. */
const cardNumber =
  /^(?:3[47]\d{13}|3[0689]\d{12,17}|35\d{14,17}|4(?:\d{12}|\d{15}|\d{18})|5\d{15}|2[2-7]\d{14}|6\d{15,18})$/

/** Luhn's check digit alone would let through one number in ten. */
function isCard(digits: string): boolean {
  if (!cardNumber.test(digits)) return false
  if (/^(\d)\1*$/.test(digits)) return false
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    const digit = digits.charCodeAt(digits.length - 1 - at) - 48
    const doubled = at % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

/** ISO 13616: moved to the end, letters as numbers, the whole leaves 1 when divided by 97. */
function isIban(iban: string): boolean {
  if (iban.length < 15 || iban.length > 34) return false
  let rest = 0
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const code = character.charCodeAt(0)
    rest = code >= 65 ? (rest * 100 + code - 55) % 97 : (rest * 10 + code - 48) % 97
  }
  return rest === 1
}

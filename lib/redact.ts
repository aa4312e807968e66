/** What a name of something secret ends with, in query strings, forms, JSON and settings. */
const NAMES = '(?:api[-_]?keys?|(?:access|account|private|signing)[-_]?key|token|secret|passw(?:or)?d|passphrase|credentials?|signature)'

/** Words behind "bearer" that speak of credentials and are none. */
const PROSE = '(?:auth(?:entication|orization|orisation)?|tokens?|credentials?|challenges?|[a-z]{1,12}(?:ed|ing|tion|ment|ity))\\b'

/**
 * Shapes of credentials that must not travel in free text, whoever wrote it. What a first group holds is kept, the rest of a match
 * is replaced. Each takes linear time in text without runs of spaces: no repetition can begin inside another's match and fail.
 */
const SHAPES = [
  // A private key (RFC 7468), the beginning of one included.
  /()-----BEGIN [A-Z\d ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END).)*(?:-----END[^-]{0,40}-----)?/,
  // The user information of a URL (RFC 3986 §3.2.1), a password with an @ in it included.
  /(:\/\/)[^\s/?#"'<>]+(?=@)/,
  /(\/\/)[^\s/?#:"'<>]{1,100}:[^\s/?#"'<>]{1,200}(?=@)/,
  /(%3A%2F%2F)[^\s/?#&"'<>]{1,200}?(?=%40)/,
  // Cookies, with their attributes (RFC 6265 §4).
  /(\b(?:set-)?cookie\\?["']? ?[:=] ?\\?["']?)[^\s=;,"']+=[^\s;,"']*(?:; ?[^\s=;,"']+(?:=[^\s;,"']*)?)*/,
  // Credentials of a header (RFC 9110 §11.4), with a scheme or without.
  /(\b(?:proxy-)?authorization\\?["']? ?[:=] ?[[(]?\\?["']?(?:(?:bearer|basic|digest|token|apikey|negotiate) )?)[^\s,;"']{4,}/,
  /(\bx-(?:api-key|[a-z]{1,20}-token)\\?["']? ?: ?\\?["']?)[^\s,;"'\\]+/,
  /(\b(?:[a-z\d-]{1,30}-)?(?:api-key|subscription-key|security-token)\\?["']? ?: ?\\?["']?)[^\s,;"'\\]{4,}/,
  /(\b(?:x-api-key|authorization)["'], ?["'](?:bearer )?)[^"']{4,}/,
  /(\bc?nonce="|\bresponse=")[^"]{6,}/,
  new RegExp(`(\\bbearer(?:[:=] ?| ?["']|%20))(?!${PROSE})[\\w.~+/=-]{8,}`),
  new RegExp(`(\\bbearer )(?!${PROSE})(?:[\\w.~+/=-]{8,}|\\w{1,7}[.~+=]\\w[\\w.~+/=-]*)`),
  // "basic" is a word of prose: base64 gives itself away by a digit, padding, or capitals in the middle.
  /(\bbasic )(?=[\w+/]{0,100}[\d=])[\w+/=-]{6,}/,
  // JSON, and JSON in a string of JSON.
  new RegExp(`(${NAMES}" ?: ?")(?:[^"\\\\]|\\\\.)+`),
  new RegExp(`(${NAMES}\\\\" ?: ?\\\\")[^"\\\\]+`),
  new RegExp(`(${NAMES}' ?: ?')[^']+`),
  // What programs print of their objects, XML, and command lines.
  new RegExp(`(${NAMES} ?(?:=>|[:=]) ?["'])[^"']{3,}`),
  new RegExp(`(<[\\w:-]{0,30}${NAMES}>)[^<]{3,}`),
  /(--(?:password|passwd|token|api-key|secret)[ =])[^\s"']{4,}/,
  /( -u ["']?[^\s:"']{1,60}:)[^\s"']{3,}/,
  /(\b(?:pwd|pass)=["']?)[^\s"'&,;)\]}<>]+/,
  // Query strings, forms, settings; and, where the value cannot be a word, "name: value".
  new RegExp(`(${NAMES}=["']?)[^\\s"'&,;)\\]}<>]+`),
  /([?&](?:key|sig|auth|jwt|pass|pwd|sid|session)=)[^\s"'&,;)\]}<>#]+/,
  new RegExp(`(${NAMES}: ?)(?=[^\\s"']{0,100}?\\d)[^\\s"',;]{6,}`),
  // GitHub, GitLab, npm, Hugging Face; OpenAI, Anthropic and others that begin with sk; Stripe; Slack; AWS; Google.
  /()\bgh[a-z]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bnpm_[A-Za-z0-9]{30,}|\bhf_[A-Za-z0-9]{20,}/,
  /()\bsk-[\w-]{12,}|\bxai-[\w-]{20,}|\bgsk_\w{20,}|\b[spr]k_(?:live|test)_\w{8,}/,
  /()\bxox[a-z]-[\w-]{8,}|\bxapp-[\w-]{8,}|\bhooks\.slack\.com\/services\/[\w/]+/,
  /()\b(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b/,
  /()\bAIza[\w-]{30,}|\bya29\.[\w.-]{10,}|\bGOCSPX-[\w-]{10,}/,
  // Vault, PyPI, SendGrid, DigitalOcean, Telegram; Copilot's own.
  /()\bhvs\.[\w-]{10,}|\bpypi-[\w-]{16,}|\bSG\.[\w-]{10,}\.[\w-]{10,}|\bdop_v1_[a-f\d]{16,}|\b\d{8,10}:AA[\w-]{30,}/,
  /()\btid=[^\s"']{8,}/,
  // JSON Web Tokens (RFC 7519).
  /()eyJ[\w-]{8,}[\w.-]*/
].map(shape => new RegExp(shape.source, 'gi'))

/** Base64 of a name and a password, after "Basic", that has neither digit nor padding. */
const BASE64 = /(\b[Bb]asic )(?=[A-Za-z+/]{0,100}[a-z][A-Z])[A-Za-z+/]{8,}/g

/**
 * Sanitizes text from outside before it is shown or logged: one line, at most `limit` UTF-16 code units, without the given
 * secrets and without anything that looks like a credential. Secrets of fewer than four characters are no secrets and stay.
 */
export function sanitize (text: string, secrets: readonly string[] = [], limit = 500): string {
  let clean = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  for (const secret of secrets) {
    if (secret.length >= 4) clean = clean.replaceAll(secret, '[redacted]')
  }
  for (const shape of [...SHAPES, BASE64]) {
    clean = clean.replace(shape, (match: string, kept: string | undefined) => {
      return match.slice(kept?.length).startsWith('[redacted') ? match : `${kept ?? ''}[redacted]`
    })
  }
  return clean.length > limit ? clean.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, '') + '…' : clean
}

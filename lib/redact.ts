/** Shapes of credentials that must not travel in free text, whoever wrote it. Each takes linear time, in text without runs of spaces. */
const credentials = new RegExp([
  '\\bgh[a-z]_[A-Za-z0-9]{16,}',              // GitHub tokens
  'github_pat_\\w{16,}',
  '\\bsk-[\\w-]{16,}',                        // keys of model providers
  'eyJ[\\w-]{8,}[\\w.-]*',                    // JSON Web Tokens
  '(?<=\\b(?:bearer|basic) )(?=\\S*[\\d=])[\\w.~+/=-]{8,}'
].join('|'), 'gi')

/**
 * Makes foreign text fit to be shown: one line, at most `limit` UTF-16 code units, without the given secrets and
 * without anything that looks like a credential. Secrets of fewer than four characters are no secrets and stay.
 */
export function presentable (text: string, secrets: readonly string[] = [], limit = 500): string {
  let clean = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  for (const secret of secrets) {
    if (secret.length >= 4) clean = clean.replaceAll(secret, '[redacted]')
  }
  clean = clean.replace(credentials, '[redacted]')
  return clean.length > limit ? clean.slice(0, limit - 1).toWellFormed() + '…' : clean
}

import { GatewayError } from '../errors.ts'
import { isLoopbackHost } from '../loopback.ts'
import { StartError } from '../start-error.ts'
import { serviceUrls } from './service-urls.ts'

/** The header with the GitHub token of a caller, in requests to the gateway and to a Copilot service. */
export const CALLER_TOKEN = 'x-github-token'

/** Printable ASCII without spaces; GitHub's tokens are much shorter. */
const TOKEN = /^[!-~]{1,1000}$/

/** The GitHub token of a caller; undefined without the header. Throws a {@link GatewayError} `invalid_request` for a value that cannot be one. */
export function callerToken (header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined || (typeof header === 'string' && TOKEN.test(header))) return header
  throw new GatewayError('invalid_request', { issues: [{ path: `headers.${CALLER_TOKEN}`, message: 'must be 1 to 1000 visible ASCII characters' }] })
}

/** Throws a {@link StartError} when tokens of callers would go to a Copilot service in clear text. */
export function refuseCallerTokens ({ COPILOT_CALLER_TOKENS, COPILOT_SERVICE_URL }: { readonly COPILOT_CALLER_TOKENS: string, readonly COPILOT_SERVICE_URL: string }): void {
  if (COPILOT_CALLER_TOKENS === '') return
  for (const url of serviceUrls(COPILOT_SERVICE_URL)) {
    const [, host = ''] = /^http:\/\/(?:[^/]*@)?([^/]*)/i.exec(url) ?? ['', 'localhost']
    if (!isLoopbackHost(host)) throw new StartError('COPILOT_CALLER_TOKENS sends GitHub tokens to the Copilot service: every COPILOT_SERVICE_URL must be https://, or a loopback address')
  }
}

import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import type { Test } from 'tap'

/** A pair of keys with a `kid`, as an identity provider has them. */
export interface SigningKey {
  readonly jwk: JWK
  /** The public key as PEM. */
  readonly pem: string
  /** Signs a token that is valid for five minutes unless its claims say otherwise. */
  sign (claims?: JWTPayload, header?: Record<string, unknown>): Promise<string>
}

/** Makes a pair of keys. */
export async function signingKey (alg: 'RS256' | 'ES256' | 'RS512', kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return {
    jwk: { ...await exportJWK(publicKey), kid, alg, use: 'sig' },
    pem: await exportSPKI(publicKey),
    sign: async (claims = {}, header = {}) => await new SignJWT({ sub: 'me', ...expiring(), ...claims }).setProtectedHeader({ alg, kid, ...header }).sign(privateKey)
  }
}

/** Signs a token with a shared secret. */
export async function signHs256 (secret: string, claims: JWTPayload = {}): Promise<string> {
  return await new SignJWT({ sub: 'me', ...expiring(), ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(secret))
}

/** The claim of a token that is valid for five minutes more. */
export function expiring (): { exp: number } {
  return { exp: Math.floor(Date.now() / 1000) + 300 }
}

/** Starts a server of public keys; `requests` counts how often it was asked. */
export async function jwksServer (t: Test, answer: RequestListener | JWK[]): Promise<{ readonly url: string, readonly requests: number }> {
  let requests = 0
  const server = createServer((request, reply) => {
    requests++
    if (typeof answer === 'function') answer(request, reply)
    else reply.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: answer }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('a TCP server has an address')
  return { url: `http://127.0.0.1:${address.port}/jwks`, get requests () { return requests } }
}

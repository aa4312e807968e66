import { MIMEType } from 'node:util'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { guardFor, type TextGuard } from './text-guard.ts'

/** What a reply is by its status and headers, before anything of it is read: a form that was asked for, or why it is none. */
export type Form =
  | { readonly type: string, readonly guard: TextGuard, readonly refusal?: undefined }
  | { readonly refusal: string, readonly type?: undefined, readonly guard?: undefined }

/**
 * Holds a reply to what is taken for one: status 200, one of the media types in `types` (or none at all, which is the first
 * of them), not compressed, in an encoding that can be read. It is a list of what is allowed: a page, an error in disguise
 * or a part of something must not pass for an answer.
 */
export function formOf (status: number, headers: IncomingHttpHeaders, types: readonly [string, ...string[]]): Form {
  if (status !== 200) return { refusal: `its status is ${status}` }
  const encodings = listed(headers['content-encoding']).concat(listed(headers['transfer-encoding']).filter(coding => coding !== 'chunked'))
  if (encodings.some(encoding => encoding !== 'identity')) return { refusal: 'it is compressed' }

  const [declared = '', ...others] = [headers['content-type'] ?? ''].flat()
  if (others.length > 0) return { refusal: 'it has several types' }
  const mime = parse(declared)
  if (!mime) return { refusal: 'its type cannot be read' }
  const type = mime.essence || types[0]
  if (!types.includes(type)) return { refusal: `its type is ${type.slice(0, 100)}` }
  const guard = guardFor(mime.charset)
  return guard ? { type, guard } : { refusal: `its encoding is ${mime.charset.slice(0, 100)}` }
}

/** The members of a list of codings (RFC 9110 §5.6.1), in lower case. */
function listed (value: string | string[] | undefined): string[] {
  return [value ?? []].flat().join(',').toLowerCase().split(',').map(coding => coding.trim()).filter(Boolean)
}

/** A media type (WHATWG MIME Sniffing §4.4) without its parameters, and its charset; undefined when it is none. */
function parse (declared: string): { essence: string, charset: string } | undefined {
  if (declared.trim() === '') return { essence: '', charset: 'utf-8' }
  try {
    const { essence, params } = new MIMEType(declared)
    return { essence, charset: params.get('charset') ?? 'utf-8' }
  } catch {
    return undefined
  }
}

import { MIMEType } from 'node:util'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { guardFor, type TextGuard } from './text-guard.ts'

/** The format of a reply by its status and headers, before its body is read: its media type and encoding, or why it cannot be an answer. */
export type AnswerFormat =
  | { readonly type: string, readonly guard: TextGuard, readonly refusal?: undefined }
  | { readonly refusal: string, readonly type?: undefined, readonly guard?: undefined }

/**
 * Decides whether a reply can be an answer: it needs status 200, one of the media types in `types` (without `Content-Type` the
 * first of them is assumed), no compression, and an encoding that Node can decode. Everything else is refused, because an HTML
 * page of a proxy, an error with status 200 or a partial reply (206) must not pass for an answer.
 */
export function answerFormatOf (status: number, headers: IncomingHttpHeaders, types: readonly [string, ...string[]]): AnswerFormat {
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

/** A media type (WHATWG MIME Sniffing §4.4) without its parameters, and its charset; undefined when the value is not a media type. */
function parse (declared: string): { essence: string, charset: string } | undefined {
  if (declared.trim() === '') return { essence: '', charset: 'utf-8' }
  try {
    const { essence, params } = new MIMEType(declared)
    return { essence, charset: params.get('charset') ?? 'utf-8' }
  } catch {
    return undefined
  }
}

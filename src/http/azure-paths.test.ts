import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { readAzurePath, rewriteUrl, withDeployment } from './azure-paths.ts'

describe('readAzurePath', () => {
  it.each([
    ['/openai/deployments/sonnet/chat/completions?api-version=2024-10-21', '/v1/chat/completions'],
    ['/v1/openai/deployments/sonnet/chat/completions', '/v1/chat/completions'],
    ['/v1/deployments/sonnet/chat/completions?api-version=preview', '/v1/chat/completions'],
    ['/deployments/sonnet/completions', '/v1/completions'],
    ['/openai/deployments/sonnet/embeddings?a=b&api-version=1&c=d', '/v1/embeddings?a=b&c=d'],
    ['/openai/deployments/sonnet/audio/transcriptions', '/v1/audio/transcriptions'],
    ['/openai/deployments/sonnet/batches?after=x', '/v1/batches?after=x'],
    ['/openai/deployments/sonnet/batches/b-1/cancel', '/v1/batches/b-1/cancel'],
    ['/openai/deployments/sonnet/extensions/chat/completions', '/v1/extensions/chat/completions'],
  ])('%s is %s of the deployment', (path, url) => {
    expect(readAzurePath(path)).toEqual({ url, deployment: 'sonnet' })
  })

  it.each([
    ['/openai/v1/chat/completions', '/v1/chat/completions'],
    ['/openai/v1/models/sonnet[1m]', '/v1/models/sonnet[1m]'],
    ['/v1/openai/v1/files?limit=2', '/v1/files?limit=2'],
    ['/openai/models?api-version=2024-10-21', '/v1/models'],
    ['/v1/openai/batches/b-1?api-version=2024-10-21&x', '/v1/batches/b-1?x'],
    ['/v1/models?api-version=preview', '/v1/models'],
    ['/openai', '/v1'],
  ])('%s is %s', (path, url) => {
    expect(readAzurePath(path)).toEqual({ url })
  })

  it.each([
    '/v1/chat/completions',
    '/v1/models/openai/gpt-oss',
    '/openairs/models',
    '/',
    '/v1/sessions?search=/openai',
  ])('%s is itself', (url) => {
    expect(readAzurePath(url)).toEqual({ url })
  })

  it.each([
    ['vendor%2Fmodel', 'vendor/model'],
    ['vendor/model', 'vendor/model'],
    ['sonnet%5B1m%5D', 'sonnet[1m]'],
    ['sonnet[1m]', 'sonnet[1m]'],
  ])('the deployment may be called %s', (written, deployment) => {
    expect(readAzurePath(`/openai/deployments/${written}/chat/completions`)).toEqual({
      url: '/v1/chat/completions',
      deployment,
    })
  })

  it('leaves a name that cannot be decoded where it is', () => {
    const url = '/openai/deployments/%zz/chat/completions'
    expect(readAzurePath(url)).toEqual({ url })
  })
})

/** A request to this path, as it is when its body has been read. */
function asked(url: string): IncomingMessage {
  const request = new IncomingMessage(new Socket())
  request.url = url
  rewriteUrl(request)
  return request
}

describe('withDeployment', () => {
  it('makes the deployment the model, whatever the body names', () => {
    const request = asked('/openai/deployments/opus/chat/completions')
    expect(withDeployment(request, { n: 1 })).toEqual({ body: { n: 1, model: 'opus' } })
    expect(withDeployment(request, { model: 'opus' })).toEqual({ body: { model: 'opus' } })
    expect(withDeployment(request, { model: 'sonnet' })).toEqual({
      body: { model: 'opus' },
      overruled: 'sonnet',
    })
    expect(withDeployment(request, [1])).toEqual({ body: [1] })
  })

  it('leaves a body as it is where the path names none', () => {
    const request = asked('/openai/v1/chat/completions')
    expect(withDeployment(request, { model: 'sonnet' })).toEqual({ body: { model: 'sonnet' } })
  })
})

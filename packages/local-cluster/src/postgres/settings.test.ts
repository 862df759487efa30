import { describe, expect, it } from 'vitest'
import { renderSettings } from './settings.ts'

const server = {
  port: 5_433,
  node: 'node-1',
  upstreamPort: 5_432,
  fsync: false,
  synchronous: 1,
  applyDelayMs: 250,
  overrides: {},
}

describe('renderSettings()', () => {
  it('lets overrides win over defaults', () => {
    const text = renderSettings({ ...server, overrides: { max_connections: 7, jit: true } })
    expect(text).toContain(`max_connections = '7'\n`)
    expect(text).toContain('jit = on\n')
  })

  it('quotes values, so that no value can add a line or a setting', () => {
    const text = renderSettings({ ...server, overrides: { application_name: "it's" } })
    expect(text).toContain(`application_name = 'it''s'\n`)
  })

  it('makes any node ready to lead and to follow', () => {
    const text = renderSettings(server)
    expect(text).toContain(`synchronous_standby_names = 'ANY 1 (*)'\n`)
    expect(text).toContain('port=5432 user=postgres application_name=node-1')
    expect(text).toContain(`recovery_min_apply_delay = '250ms'\n`)
  })
})

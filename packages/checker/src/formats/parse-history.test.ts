import { describe, expect, test } from 'vitest'
import { HistoryFormatError } from '../errors.ts'
import type { Operation } from '../operation.ts'
import { detectFormat } from './detect-format.ts'
import { parseHistory, type ParseHistoryOptions } from './parse-history.ts'

/** What matters of the operations, without what is undefined. */
function operations(text: string, options?: ParseHistoryOptions): Partial<Operation>[] {
  const clean = parseHistory(text, options).operations.map((operation) =>
    Object.fromEntries(
      Object.entries(operation).filter(([name, value]) => value !== undefined && name !== 'index'),
    ),
  )
  return clean
}

describe('Jepsen EDN', () => {
  test('every event takes a place; the line is that of the invocation', () => {
    const text = `; a run
[{:type :invoke, :process 0, :f :write, :value 1, :time 5000000}
 {:type :invoke, :process 1, :f :cas, :value [1 2], :time 6000000}
 {:type :ok,     :process 0, :f :write, :value 1, :time 8000000}
 {:type :fail,   :process 1, :f :cas, :value [1 2], :time 9000000}]`
    expect(operations(text)).toEqual([
      { process: 0, op: 'write', input: 1, status: 'ok', start: 0, end: 2, startMs: 0, endMs: 3, line: 2 },
      {
        process: 1,
        op: 'cas',
        input: [1, 2],
        status: 'fail',
        start: 1,
        end: 3,
        startMs: 1,
        endMs: 4,
        line: 3,
      },
    ])
    expect(parseHistory(text).initial).toBe(0)
  })

  test('maps one after the other are a history as well, and so is a list', () => {
    const maps =
      '{:type :invoke, :process 0, :f :read}\n#_ {:no :such}\n{:type :ok, :process 0, :f :read, :value 3}'
    expect(operations(maps)).toMatchObject([{ op: 'read', output: 3 }])
    expect(operations(`(${maps})`)).toEqual(operations(maps))
  })

  test(':info and no answer are unknown, without an end; the process may go on', () => {
    const text = `{:type :invoke, :process 0, :f :write, :value 1}
      {:type :info, :process 0, :f :write, :value :timed-out}
      {:type :invoke, :process 0, :f :write, :value 2}`
    expect(operations(text)).toMatchObject([
      { input: 1, status: 'unknown', end: Infinity },
      { input: 2, status: 'unknown', end: Infinity },
    ])
  })

  test('a read of nil says nothing in a cas-register, but is a value in a queue or a transaction', () => {
    const read = '{:type :invoke, :process 0, :f :read}{:type :ok, :process 0, :f :read, :value nil}'
    expect(operations(read)).toMatchObject([{ op: 'read', status: 'ok' }])
    expect(operations(read)[0]).not.toHaveProperty('output')
    expect(operations(read, { model: 'set' })).toMatchObject([{ op: 'read', status: 'ok', output: null }])
    const take = '{:type :invoke, :process 0, :f :dequeue}{:type :ok, :process 0, :f :dequeue, :value nil}'
    expect(operations(take)).toMatchObject([{ op: 'dequeue', status: 'ok', output: null }])
    const txn = `{:type :invoke, :process 0, :f :txn, :value [[:r :x nil]]}
      {:type :ok, :process 0, :f :txn, :value [[:r :x nil]]}`
    expect(operations(txn)).toMatchObject([{ op: 'txn', status: 'ok', output: [['r', 'x', null]] }])
  })

  test('in a multi-register, steps that read nil say nothing; the others count', () => {
    const text = `{:type :invoke, :process 0, :f :txn, :value [[:read :x nil] [:write :y 2]]}
      {:type :ok, :process 0, :f :txn, :value [[:read :x nil] [:write :y 2]]}
      {:type :invoke, :process 0, :f :txn, :value [[:read :x nil]]}
      {:type :ok, :process 0, :f :txn, :value [[:read :x nil]]}`
    expect(parseHistory(text).initial).toBe(0)
    expect(operations(text)).toMatchObject([
      {
        op: 'txn',
        input: [
          ['r', 'x', null],
          ['w', 'y', 2],
        ],
        output: [['w', 'y', 2]],
        status: 'ok',
      },
      { op: 'txn', status: 'ok' },
    ])
    expect(operations(text)[1]).not.toHaveProperty('output')
  })

  test('a failed append stays, with what it wrote', () => {
    const text = `{:type :invoke, :process 0, :f :txn, :value [[:append :x 1]]}
      {:type :fail, :process 0, :f :txn, :value [[:append :x 1]]}`
    expect(operations(text)).toMatchObject([{ status: 'fail', input: [['append', 'x', 1]], end: 1 }])
  })

  test('values of jepsen.independent are registers by key', () => {
    const text = `{:type :invoke, :process 0, :f :write, :value [7 1]}
      {:type :ok, :process 0, :f :write, :value [7 1]}
      {:type :invoke, :process 0, :f :cas, :value [8 [1 2]]}
      {:type :invoke, :process 1, :f :read, :value [7 nil]}
      {:type :ok, :process 1, :f :read, :value [7 1]}`
    expect(operations(text)).toMatchObject([
      { op: 'write', key: 7, input: 1 },
      { op: 'cas', key: 8, input: [1, 2] },
      { op: 'read', key: 7, output: 1 },
    ])
    const plain = '{:type :invoke, :process 0, :f :cas, :value [1 2]}'
    expect(operations(plain)).toMatchObject([{ op: 'cas', input: [1, 2] }])
    expect(operations(plain)[0]).not.toHaveProperty('key')
  })

  test('Porcupine key-value lines have keys, and an empty text for what is missing', () => {
    const text = `{:process 0, :type :invoke, :f :get, :key "5", :value nil}
{:process 0, :type :ok, :f :get, :key "5", :value ""}`
    expect(operations(text)).toMatchObject([{ op: 'get', key: '5', output: '' }])
    expect(parseHistory(text).initial).toBe('')
  })

  test('what the nemesis did becomes faults', () => {
    const nemesis = (f: string, value = 'nil'): string =>
      `{:type :info, :process :nemesis, :f ${f}, :value ${value}}\n`
    const text =
      nemesis(':start-partition', '{"n1" #{"n2"}}') + // place 0
      nemesis(':start-partition', ':done') +
      '{:type :invoke, :process 0, :f :read}\n' + // 2
      nemesis(':kill', '["n3"]') +
      nemesis(':kill', ':killed') +
      nemesis(':stop-partition') + // 5
      nemesis(':stop-partition') +
      nemesis(':start') + // ends the kill
      nemesis(':start') +
      nemesis(':pause', '["n1"]')
    const { faults, operations: ops } = parseHistory(text)
    expect(ops).toHaveLength(1)
    expect(faults).toMatchObject([
      { name: 'partition', targets: ['n1'], start: 0, end: 6, detail: 'done' },
      { name: 'kill', targets: ['n3'], start: 3, end: 8, detail: 'killed' },
      { name: 'pause', targets: ['n1'], start: 9, end: Infinity },
    ])
  })
})

describe('Jepsen log', () => {
  test('a failed cas compared unequal, :timed-out is unknown, other lines are passed over', () => {
    const text = `INFO  jepsen.core - Everything is ready!
INFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]
INFO  jepsen.util - 0\t:fail\t:cas\t[1 2]
INFO  jepsen.util - 1   :invoke :read   nil
INFO  jepsen.util - 1   :fail   :read   :timed-out
INFO  jepsen.util - 2\t:invoke\t:write\t3
INFO  jepsen.util - 2\t:info\t:write\t:timed-out
2026-11-20 12:00:01,000{GMT}\tINFO\t[jepsen worker 3] jepsen.util: 3\t:invoke\t:write\t4
2026-11-20 12:00:01,002{GMT}\tINFO\t[jepsen worker 3] jepsen.util: 3\t:fail\t:write\t4\t:no-leader
INFO  jepsen.util - 0\t:invoke\t:read\tnil
INFO  jepsen.util - 0\t:ok\t:read\tnil`
    expect(operations(text)).toMatchObject([
      { process: 0, op: 'cas', input: [1, 2], output: false, status: 'ok', line: 2, start: 0, end: 1 },
      { process: 1, op: 'read', status: 'unknown', end: Infinity },
      { process: 2, op: 'write', input: 3, status: 'unknown' },
      { process: 3, op: 'write', input: 4, status: 'fail' },
      { process: 0, op: 'read', output: null, status: 'ok' },
    ])
    expect(parseHistory(text)).toMatchObject({ initial: null, realTime: true })
  })
})

describe('JSON events', () => {
  const event = (type: string, value: unknown): string => JSON.stringify({ type, process: 0, value })
  const invoke = event('invoke', [
    ['append', 'x', 1],
    ['r', 'x', null],
  ])
  const ok = event('ok', [
    ['append', 'x', 1],
    ['r', 'x', [1]],
  ])

  test('Elle: a document, an array and lines say the same', () => {
    const wanted = [
      {
        process: 0,
        op: 'txn',
        input: [
          ['append', 'x', 1],
          ['r', 'x', null],
        ],
        output: [
          ['append', 'x', 1],
          ['r', 'x', [1]],
        ],
        status: 'ok',
        start: 0,
        end: 1,
        line: 1,
      },
    ]
    expect(operations(`{"id":"demo","history":[${invoke},${ok}]}`)).toEqual(wanted)
    expect(operations(`[${invoke},\n${ok}]`)).toEqual(wanted)
    expect(operations(`${invoke}\n${ok}\n`)).toEqual(wanted)
    expect(operations(`\n\n${invoke}\n${ok}`)[0]?.line).toBe(3)
  })

  test('numbers are exact, however large', () => {
    const text = '[{"type":"invoke","process":0,"f":"write","value":9007199254740993}]'
    expect(operations(text)[0]?.input).toBe(9007199254740993n)
  })

  test('an empty list is an empty history', () => {
    expect(parseHistory('[]').operations).toEqual([])
    expect(parseHistory('{"model":"queue","history":[]}').operations).toEqual([])
  })
})

describe('formats of sessions', () => {
  test('Plume: transactions by session and number; -1 is aborted; real time is not known', () => {
    const text = 'w(1,5,0,0)\nr(1,0,0,0)\nr(1,5,1,0)\nw(1,6,0,-1)\nw(2,7,1,1)\n'
    expect(operations(text)).toMatchObject([
      {
        process: 0,
        op: 'txn',
        output: [
          ['w', 1, 5],
          ['r', 1, 0],
        ],
        status: 'ok',
        line: 1,
      },
      { process: 0, op: 'txn', input: [['w', 1, 6]], status: 'fail', line: 4 },
      { process: 1, op: 'txn', input: [['r', 1, null]], output: [['r', 1, 5]], status: 'ok', line: 3 },
      { process: 1, op: 'txn', output: [['w', 2, 7]], status: 'ok', line: 5 },
    ])
    expect(parseHistory(text)).toMatchObject({ realTime: false, initial: 0 })
  })

  test('AWDIT: dashes begin a transaction, equal signs a session', () => {
    const text = 'w 0 1\nr x 1\n-----\nw 0 2\n=====\nr 0 2\n'
    expect(operations(text)).toMatchObject([
      {
        process: 0,
        output: [
          ['w', 0, 1],
          ['r', 'x', 1],
        ],
        line: 1,
      },
      { process: 0, output: [['w', 0, 2]], line: 4 },
      { process: 1, output: [['r', 0, 2]], line: 6 },
    ])
    expect(parseHistory(text)).toMatchObject({ realTime: false })
    expect(parseHistory(text).initial).toBe(undefined)
  })

  test('dbcop: sessions of transactions; not committed is fail', () => {
    const text =
      '{"sessions":[[{"committed":false,"events":[["w","x",1]]}],\n[{"committed":true,"events":[["r","x",0]]}]]}'
    expect(operations(text)).toMatchObject([
      { process: 0, input: [['w', 'x', 1]], status: 'fail', line: 1 },
      { process: 1, output: [['r', 'x', 0]], status: 'ok', line: 2 },
    ])
    expect(parseHistory(text)).toMatchObject({ realTime: false, initial: 0 })
    expect(detectFormat('[[{"committed":true,"events":[]}]]')).toBe('dbcop')
  })
})

describe('detectFormat()', () => {
  test.each([
    ['[{:type :invoke}]', 'edn'],
    ['; comment\n\n({:type :ok})', 'edn'],
    ['#jepsen.history.Op{:type :ok}', 'edn'],
    ['[]', 'json'],
    ['[{"type":"invoke"}]', 'json'],
    ['{"type":"invoke"}\n{"type":"ok"}', 'json'],
    ['{"history":[]}', 'json'],
    ['{"sessions":[]}', 'dbcop'],
    ['{"format":"quorate-history","version":1}', 'quorate'],
    ['INFO  jepsen.util - 4\t:invoke\t:read\tnil', 'jepsen-log'],
    ['r(0,1,2,3)', 'plume'],
    ['w 0 1', 'awdit'],
    ['=====\nw 0 1', 'awdit'],
    ['\uFEFF[{:type :invoke}]', 'edn'],
    ['hello world', undefined],
    ['', undefined],
    ['<html></html>', undefined],
  ])('%j is %s', (text, format) => {
    expect(detectFormat(text)).toBe(format)
  })
})

const invoke = (process: string, f = ':read'): string => `{:type :invoke, :process ${process}, :f ${f}}\n`
const complete = (process: string, f = ':read'): string =>
  `{:type :ok, :process ${process}, :f ${f}, :value 1}\n`

describe('what cannot be a history is refused, with the line', () => {
  test.each<[string, string | Uint8Array, number | undefined, RegExp]>([
    ['nothing', '', undefined, /^it is empty$/],
    ['white space', ' \n\t\n', undefined, /^it is empty$/],
    ['binary', 'abc\0def', undefined, /^it is binary data/],
    ['gzip', new Uint8Array([0x1f, 0x8b, 8, 0]), undefined, /^it is compressed with gzip/],
    ['latin-1', new Uint8Array([0x5b, 0xe9, 0x5d]), undefined, /^it is not UTF-8 text$/],
    ['prose', 'Dear reader', 1, /^it is in none of the known formats/],
    ['completion first', complete('0'), 1, /^process 0 completes read without an invocation/],
    [
      'two completions',
      invoke('0') + complete('0') + complete('0'),
      3,
      /^process 0 completes read .* a second time$/,
    ],
    [
      'two invocations',
      invoke('0') + invoke('0'),
      2,
      /^process 0 begins read while its read of line 1 goes on$/,
    ],
    [
      'another name',
      invoke('0') + complete('0', ':write'),
      2,
      /^process 0 completes write, but invoked read/,
    ],
    ['no type', '{:process 0, :f :read}', 1, /^the type must be invoke, ok, fail or info, not undefined$/],
    ['strange type', '{:type [1], :process 0, :f :read}', 1, /^the type must be .* not a list$/],
    ['no process', '{:type :invoke, :f :read}', 1, /^the process must be a name or a whole number/],
    ['strange process', invoke('1.5'), 1, /^the process must be a name or a whole number, not 1.5$/],
    ['huge process', invoke('99999999999999999999'), 1, /^the process must be/],
    ['no f', '{:type :invoke, :process 0, :value 1}', 1, /^f, the name of the operation, is missing$/],
    [
      'strange time',
      '{:type :invoke, :process 0, :f :read, :time "late"}',
      1,
      /^the time must be a number, not "late"$/,
    ],
    [
      'strange key',
      '{:type :invoke, :process 0, :f :get, :key [1]}',
      1,
      /^the key must be a text or a number$/,
    ],
    ['not a map', '[1 2]', 1, /^1 where an operation is expected/],
    ['a map with a toString', '[{"type":{"toString":1}}]', 1, /^the type must be .* not a map$/],
    [
      'after the end',
      '[{:type :info, :process :nemesis, :f :kill}] []',
      1,
      /^something follows the end of the history$/,
    ],
    ['cut off', `[${invoke('0')}{:type`, 2, /cut off/],
    ['cut off JSON', '{"history":[{"type":"invoke"', 1, /cut off/],
    [
      'JSON with a comma too many',
      '[{"type":"invoke","process":0,"f":"read",}]',
      1,
      /where a key is expected/,
    ],
    ['JSON with __proto__', '[{"__proto__":{"a":1}}]', 1, /"__proto__"/],
    ['JSON with a number out of range', '[{"type":1e999}]', 1, /^a number out of range/],
    ['JSON with a bad string', '["a\\x"]', 1, /^a string that does not end, or not as JSON wants it/],
    ['JSON with a raw line break in a string', '["a\nb"]', 1, /^a string that does not end/],
    ['JSON of one number', '[3]', 1, /^3 where an operation is expected/],
    [
      'Plume with a strange line',
      'r(0,1,2,3)\nr(0,1,2)',
      2,
      /^"r\(0,1,2\)" is not r\(key,value,session,transaction\)/,
    ],
    ['Plume going back', 'r(0,0,1,1)\nr(0,0,1,2)\nr(0,0,1,1)', 3, /^session 1 goes back to transaction 1/],
    ['AWDIT with a strange line', 'w 0 1\nw 0', 2, /^"w 0" is not/],
    ['AWDIT without operations', '=====\n-----', undefined, /^no line of it is an operation$/],
    ['dbcop without events', '{"sessions":[[{"committed":true}]]}', 1, /has no list of events$/],
    ['dbcop without committed', '{"sessions":[[{"events":[]}]]}', 1, /^committed must be true or false$/],
    [
      'dbcop with a strange event',
      '{"sessions":[[{"committed":true,"events":[["x","k",1]]}]]}',
      1,
      /^"\[.*is not/,
    ],
    ['dbcop with a null', '{"sessions":[[null]]}', 1, /has no list of events$/],
    ['dbcop with a strange session', '{"sessions":[3]}', 1, /^session 0 is not a list/],
    ['a version to come', '{"format":"quorate-history","version":2}', 1, /^version 2 is not one/],
  ])('%s', (_name, text, line, reason) => {
    let caught: unknown
    try {
      parseHistory(text, { file: 'run.txt' })
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(HistoryFormatError)
    expect(caught).toMatchObject({ file: 'run.txt', line, reason: expect.stringMatching(reason) })
    expect((caught as Error).message).toMatch(
      line === undefined ? /^Cannot read run.txt: / : /^Cannot read run.txt:\d+: /,
    )
  })

  test('beyond its limits', () => {
    const many = Array.from({ length: 11 }, (_, process) => invoke(String(process))).join('')
    expect(() => parseHistory(many, { maxOperations: 10 })).toThrow('more than 10 operations (maxOperations)')
    expect(() => parseHistory(many, { maxBytes: 100 })).toThrow('characters are more than maxBytes (100)')
    expect(() => parseHistory('['.repeat(1e6))).toThrow('deep (maxDepth)')
    expect(() => parseHistory(`[${'['.repeat(1e6)}`, { format: 'json' })).toThrow('deep (maxDepth)')
    expect(() => parseHistory(many, { maxDepth: 0 })).toThrow(
      new RangeError('maxDepth must be at least 1, not 0'),
    )
  })

  test('arguments of the wrong type are the mistake of the program', () => {
    expect(() => parseHistory(7 as never)).toThrow(TypeError)
    expect(() => parseHistory('[]', { format: 'xml' as never })).toThrow(new TypeError('No such format: xml'))
  })

  test('a format that was asked for is not silently another one', () => {
    expect(() => parseHistory('[]', { format: 'dbcop' })).toThrow('it is JSON, but not of the format dbcop')
  })
})

import { expect, test as it } from 'vitest'
import { parseFilters } from '../../../../src/supervisor/grpc/filter.ts'

const fields: Readonly<Record<string, string>> = {
  topic: '/tasks/exit',
  namespace: 'moby',
  'event.container_id': 'abc',
  'labels."com.example/a"': 'x',
}
const passes = (...filters: string[]): boolean => parseFilters(filters)((path) => fields[path])

it.each([
  [],
  ['topic==/tasks/exit'],
  ['namespace==moby,topic~=|^/tasks/|'],
  ['topic~=/exit$/'],
  ['topic!=/tasks/oom'],
  ['event.container_id'],
  ['event.container_id=="abc"'],
  ['labels."com.example/a"==x'],
  ['topic==/tasks/oom', 'namespace==moby'],
])('passes %s %s', (...filters) => {
  expect(passes(...filters)).toBe(true)
})

it.each([
  ['topic==/tasks/oom'],
  ['namespace==moby,topic==/tasks/oom'],
  ['nothing'],
  ['topic~=^/images/'],
  ['topic!=/tasks/exit'],
])('does not pass %s', (filter) => {
  expect(passes(filter)).toBe(false)
})

it.each(['==x', 'topic=x', 'topic~=(', 'topic==a,,'])('refuses %s', (filter) => {
  expect(() => passes(filter)).toThrow('invalid filter')
})

import { asideName } from '@lifeboat/recovery/swap/aside-names.ts'
import { expect, test } from 'vitest'
import { changesLines, changesText, plannedFilesLines } from './files-text.ts'

const none = { count: 0, paths: [] }
const many = { count: 1000, paths: Array.from({ length: 20 }, (_, no) => `./file-${no}: contents`) }
const changes = {
  added: { count: 1, paths: ['./new'] },
  removed: none,
  changed: many,
  excluded: { count: 2, paths: ['./a', './b'] },
}

test('the difference of a tree is counted in full and named as far as a screen goes', () => {
  const lines = changesLines(changes)
  expect(lines.slice(0, 3)).toEqual(['1 added:', '  ./new', '1000 changed:'])
  expect(lines).toContain('  and 990 more')
  expect(lines).toHaveLength(2 + 12 + 3)
  expect(changesText(changes)).toBe('1 added, 1000 changed')
})

test('a tree that is the same says so', () => {
  const same = { added: none, removed: none, changed: none, excluded: none }
  expect([changesLines(same), changesText(same)]).toEqual([
    ['Nothing is different from what was there.'],
    'nothing differs',
  ])
})

test.each(['folder', 'link'] as const)(
  'a plan tells under which name a tree is kept, cut where it is too long (%s)',
  (swap) => {
    const kept = (root: string) => plannedFilesLines({ root, swap, folder: '/srv/new', chain: [], members: 0 })[1]?.[1]
    expect(kept('/srv/app')).toContain(' /srv/app_before_<when>, until ')
    const long = 'r'.repeat(60)
    const name = asideName(long, 'before', Date.parse('2026-09-26T02:00:00Z'))
    expect(kept(`/srv/${long}`)).toContain(` /srv/${name.replace('20260926t020000z', '<when>')}, until `)
  },
)

/** Which lines of `memory.stat` Docker shows, in alphabetical order as Go writes a map. */

const ofOne = [
  'active_anon',
  'active_file',
  'cache',
  'dirty',
  'inactive_anon',
  'inactive_file',
  'mapped_file',
  'pgfault',
  'pgmajfault',
  'pgpgin',
  'pgpgout',
  'rss',
  'rss_huge',
  'unevictable',
  'writeback',
]

/** Of cgroup v1, where those with `total_` count the groups below as well. */
export const legacyMemory: readonly string[] = [
  ...ofOne,
  ...ofOne.map((name) => `total_${name}`),
  'hierarchical_memory_limit',
  'hierarchical_memsw_limit',
].sort()

/** Of cgroup v2. */
export const unifiedMemory: readonly string[] = [
  'active_anon',
  'active_file',
  'anon',
  'anon_thp',
  'file',
  'file_dirty',
  'file_mapped',
  'file_writeback',
  'inactive_anon',
  'inactive_file',
  'kernel_stack',
  'pgactivate',
  'pgdeactivate',
  'pgfault',
  'pglazyfree',
  'pglazyfreed',
  'pgmajfault',
  'pgrefill',
  'pgscan',
  'pgsteal',
  'shmem',
  'slab',
  'slab_reclaimable',
  'slab_unreclaimable',
  'sock',
  'thp_collapse_alloc',
  'thp_fault_alloc',
  'unevictable',
  'workingset_activate',
  'workingset_nodereclaim',
  'workingset_refault',
]

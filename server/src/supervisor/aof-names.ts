/** Names that Redis gives its append-only files by default, in its folder. */
export const AOF_FOLDER = 'appendonlydir'
export const AOF_MANIFEST = 'appendonly.aof.manifest'
export const AOF_BASE = 'appendonly.aof.1.base.rdb'

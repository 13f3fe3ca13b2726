/** Loaded into every module that a benchmark starts: it ends with its parent, however that ends. */
process.once('disconnect', () => process.exit(0))

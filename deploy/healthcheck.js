/** `node deploy/healthcheck.js <url>`: ends with 0 if the address answers 200 within 2 s, else with 1. For images without curl. */
fetch(process.argv[2], { signal: AbortSignal.timeout(2_000) }).then(
  ({ ok }) => process.exit(ok ? 0 : 1),
  () => process.exit(1),
)

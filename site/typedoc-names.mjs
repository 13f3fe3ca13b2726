/** Names the modules of the reference as they are imported: `@tidegate/client`, not `client-sdk/src/index`. */
import { Converter } from 'typedoc'

export function load(app) {
  const names = JSON.parse(process.env.REFERENCE_NAMES)
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? []) module.name = names[module.name] ?? module.name
  })
}

/**
 * Whether every object has something under this name. No topic, and nothing else that is declared, is called like that: objects that
 * map names to something - state that is stored, counts, reports - would seem to know it, on servers and in clients.
 */
export function isInheritedName(name: string): boolean {
  return name in Object.prototype
}

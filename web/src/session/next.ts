/** Where to go after signing in: only ever a page of this app. */
export function inside(wish: unknown): string {
  return typeof wish === 'string' && /^\/(?![/\\])/.test(wish) && !wish.startsWith('/login') ? wish : '/orders'
}

import { useMemo, useState } from 'react'
import { ReplicasPage } from './replicas-page.tsx'
import { Shop } from './shop.ts'
import { ShopPage } from './shop-page.tsx'
import { useCartLock } from './use-cart-lock.ts'
import { PAGES, usePage, type PageName } from './use-page.ts'

const USERS = ['alice', 'bob', 'carol']
const TITLES: Readonly<Record<PageName, string>> = { shop: 'Shop', replicas: 'Replicas' }

export function App() {
  const [user, setUser] = useState(() => localStorage.getItem('user') ?? 'alice')
  const page = usePage()
  const choose = (name: string): void => {
    localStorage.setItem('user', name)
    setUser(name)
  }
  return (
    <>
      <header className="row top">
        <h1>ShopFleet</h1>
        <nav aria-label="Pages">
          {PAGES.map((name) => (
            <a key={name} href={`#${name}`} aria-current={name === page ? 'page' : undefined}>
              {TITLES[name]}
            </a>
          ))}
        </nav>
        <label>
          Shopping as{' '}
          <select value={user} onChange={(event) => choose(event.target.value)}>
            {[...new Set([...USERS, user])].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </header>
      {page === 'shop' ? <Session key={user} user={user} /> : <ReplicasPage user={user} />}
    </>
  )
}

function Session({ user }: { user: string }) {
  const shop = useMemo(() => new Shop(user), [user])
  const lock = useCartLock(user)
  switch (lock.state) {
    case 'asking':
      return null
    case 'elsewhere':
      return (
        <main className="elsewhere">
          <p role="alert">The devices of {user} are open in another tab of this browser.</p>
          <button type="button" className="primary" onClick={lock.takeOver}>
            Go on here
          </button>
        </main>
      )
    case 'mine':
      return <ShopPage shop={shop} user={user} />
    default:
      return lock satisfies never
  }
}

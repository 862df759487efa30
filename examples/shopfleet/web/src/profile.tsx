import { type FormEvent, useEffect, useState } from 'react'
import type { Shop } from './shop.ts'

interface ProfileProps {
  readonly shop: Shop
  readonly attempt: (work: () => Promise<void>) => Promise<void>
}

/** Saved on the primary, read back from a replica that has caught up: what was written is what is shown. */
export function Profile({ shop, attempt }: ProfileProps) {
  const [name, setName] = useState('')
  const [country, setCountry] = useState('')
  const [address, setAddress] = useState('')
  const [saved, setSaved] = useState('')

  useEffect(() => {
    void attempt(async () => {
      const profile = await shop.profile()
      setName(profile?.name ?? '')
      setCountry(profile?.country ?? '')
      setAddress(profile?.address ?? '')
    })
  }, [shop, attempt])

  const save = (event: FormEvent): void => {
    event.preventDefault()
    void attempt(async () => {
      await shop.saveProfile({ name, country, address: address === '' ? null : address })
      const read = await shop.profile()
      setSaved(`Saved and read back, version ${read?.version}`)
    })
  }

  return (
    <section aria-label="Profile">
      <h2>Profile</h2>
      <form onSubmit={save}>
        <label>
          Name <input required value={name} onChange={(event) => setName(event.target.value)} />
        </label>
        <label>
          Country <input required value={country} onChange={(event) => setCountry(event.target.value)} />
        </label>
        <label>
          Address <input value={address} onChange={(event) => setAddress(event.target.value)} />
        </label>
        <p className="row">
          <output className="quiet">{saved}</output>
          <button type="submit">Save</button>
        </p>
      </form>
    </section>
  )
}

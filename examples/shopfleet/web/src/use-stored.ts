import { useEffect, useState, type Dispatch, type SetStateAction } from 'react'

/** State that a reload keeps. What cannot be read is begun anew; the value may be lost, so nothing may hang on it. */
export function useStored<T>(
  key: string,
  initial: T,
  isValid: (stored: unknown) => stored is T,
): [T, Dispatch<SetStateAction<T>>] {
  const [value, setValue] = useState<T>(() => {
    try {
      const stored: unknown = JSON.parse(localStorage.getItem(key) ?? '')
      return isValid(stored) ? stored : initial
    } catch {
      return initial
    }
  })
  useEffect(() => {
    try {
      localStorage.setItem(key, JSON.stringify(value))
    } catch {
      // Full, or not allowed: then it is for this page only.
    }
  }, [key, value])
  return [value, setValue]
}

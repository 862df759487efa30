import react from '@vitejs/plugin-react'
import type { UserConfig } from 'vite'

const config: UserConfig = {
  root: import.meta.dirname,
  plugins: [react()],
  // The workspace's packages from their sources: nothing has to be built first.
  resolve: { conditions: ['@quorate/source', 'module', 'browser', 'development|production'] },
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2022', reportCompressedSize: false },
  logLevel: 'warn',
}
export default config

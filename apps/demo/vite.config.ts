import react from '@vitejs/plugin-react'
import { defaultClientConditions, defineConfig } from 'vite'

// Where `npm run dev -w apps/demo` finds a server: `tidewire serve --dev`.
const server = process.env['TIDEWIRE_URL'] ?? 'http://localhost:8080'

export default defineConfig({
  plugins: [react()],
  // The workspaces are built from their sources.
  resolve: { conditions: ['tidewire-source', ...defaultClientConditions] },
  build: {
    // What has light-dark(), oklch() and text-wrap without being rewritten.
    target: ['chrome123', 'edge123', 'firefox124', 'safari17.5'],
    // Under `default-src 'self'` nothing may be inlined as data:.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/v1': { target: server, ws: true } } },
})

import { createClient } from '@tidegate/client'
import { TidegateProvider } from '@tidegate/client/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Shop } from './shop.tsx'

const client = createClient({ url: location.origin })

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <TidegateProvider client={client}>
      <Shop />
    </TidegateProvider>
  </StrictMode>,
)

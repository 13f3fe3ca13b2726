const AMOUNT = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' })
const COUNT = new Intl.NumberFormat('en')
const MINUTE = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hour12: false })
const SECOND = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })

export const amountText = (amount: number) => AMOUNT.format(amount)
export const countText = (count: number) => COUNT.format(count)
export const minuteText = (time: number) => MINUTE.format(time)
export const secondText = (time: number) => SECOND.format(time)

-- Writes nothing. Redis refuses it, or holds it back, as it does whatever may write.
return 1

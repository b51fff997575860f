"""ISO 4217: the currencies of this decade, and how many decimals each has.

A code that is not listed is refused: with the wrong number of decimals a price is wrong by a factor of ten.
"""

from sagamore.actors.text import shown
from sagamore.engine.errors import InvalidInput

CODES_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY
          COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
          INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR
          MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD
          SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG""",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS = {code: decimals for decimals, codes in CODES_BY_DECIMALS.items() for code in codes.split()}


def exponent_of(currency: object) -> int:
    """How many decimals a currency has. Raises InvalidInput for what is no ISO 4217 code."""
    exponent = EXPONENTS.get(currency) if isinstance(currency, str) else None
    if exponent is None:
        raise InvalidInput("currency", shown(currency), "an ISO 4217 code in capitals, as GBP")
    return exponent

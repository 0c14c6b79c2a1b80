"""The laws that mathematics lends to the ledger. A premise of a row is an instance of one of them.

`print(ledger.laws())` lists each with its instances, and the definitions.
"""

LAWS = {
    "change of variables": "a density is carried along by a map: times the slope of the way back",
    "chain rule of densities": "a joint density is the product of one and a conditional one",
    "total probability": "the density of one of two variables is the integral of their joint one",
    "Bayes' rule": "q(a|b) q(b) = q(b|a) q(a)",
    "a density has total 1": "so that under q the average of p/q is 1",
    "independent dimensions": "the divergence of products is the sum of the divergences",
    "law of total variance": "E[(x - E[x|z])^2] is the mean of the variance of x given z",
    "I-MMSE": "dI/dSNR = mmse/2, for all data of finite variance (Guo, Shamai, Verdu, 2005)",
}

"""Differentially private training: noise for each encoder, an account of it, accuracy against epsilon.

What is protected: one training example, that is, its row in every modality, its label and its targets.
Training is (epsilon, delta)-differentially private: for any two sets of training samples of which one has
that row beside those of the other, any outcome is at most e^epsilon times as probable with the one as with
the other, plus delta (Dwork and Roth 2014, definition 2.4). It holds for whoever sees the model, and even
for whoever sees every step's noisy gradient.

What is not: somebody who has several rows (k rows have k epsilon, at a larger delta); the number of rows; the
validation and test samples; what was made from the data before (a vocabulary, a normalisation); and the
choice among several trained models. Every row of a front has its own epsilon: who publishes them all, or
chooses one by what it learnt, spends more, at most the sum. A row whose gradient is not finite counts as
zero. Random numbers are torch's, which are not cryptographically secure, and floating-point numbers are not
real ones (Mironov 2012).

How: DP-SGD (Abadi et al. 2016, algorithm 1). A step draws each training row by itself with probability q
(Poisson sampling, which the account assumes), takes the gradient of each row's own losses, clips it, sums,
adds Gaussian noise and divides by the expected, not the actual, number of rows. The gradient of a row comes
from that row alone, whatever the loss, so its clipped norm is all that the row can change. Losses that
compare rows with each other, such as contrastive ones, see one row at a time and teach little or nothing.

Different noise for different blocks of parameters: block b is clipped to C_b by itself and gets noise of
standard deviation s_b C_b. One row moves all blocks at once, and all share one sample of rows; so they are
not accounted apart but as one Gaussian mechanism. In units of each block's noise, a row moves the sum by at
most 1 / s_b in block b, hence by sqrt(sum_b s_b^-2) in all, and the step is the subsampled Gaussian mechanism
with noise multiplier (sum_b s_b^-2)^(-1/2) (McMahan et al. 2018, "A general approach to adding differential
privacy to iterative training procedures"). That is less than the least s_b.
"""

from __future__ import annotations

from moo.multimodal.privacy.account import joint_noise, noise_for, spent
from moo.multimodal.privacy.fit import PrivacyFront, PrivateFit, figures, fit_private, privacy_front

__all__ = [
    "PrivacyFront",
    "PrivateFit",
    "figures",
    "fit_private",
    "joint_noise",
    "noise_for",
    "privacy_front",
    "spent",
]

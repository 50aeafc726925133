"""Sansho: compliance-evidence knowledge base and gap analyzer for Japan's medical-information guidelines.

The layers import downwards only: model <- knowledge <- engine <- search/exports <- cli. Importing this
package loads none of them, so that `sansho --help` stays quick.
"""

__version__ = "0.1.0"

"""The pages: what supervisors, managers, auditors and the office see in a browser.

A page asks the functions that the commands ask, and draws what they return. Rules are not here.
"""

"""The sync engine"""

"""The sync engine/kinds"""
